import { sqlite } from './engines/sqlite.ts';
import { conformance } from './engines/suite.ts';

conformance(sqlite);
