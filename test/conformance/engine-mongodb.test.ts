import { mongodb } from './engines/mongodb.ts';
import { conformance } from './engines/suite.ts';

conformance(mongodb);
