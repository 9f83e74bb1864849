import { files } from './engines/files.ts';
import { conformance } from './engines/suite.ts';

conformance(files);
