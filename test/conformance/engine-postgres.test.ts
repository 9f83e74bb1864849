import { postgres } from './engines/postgres.ts';
import { conformance } from './engines/suite.ts';

conformance(postgres);
