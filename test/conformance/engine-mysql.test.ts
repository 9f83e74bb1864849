import { mysql } from './engines/mysql.ts';
import { conformance } from './engines/suite.ts';

conformance(mysql);
