import { comparisons } from './comparison.ts';
import { conditions } from './conditions.ts';
import { dates } from './dates.ts';
import { dictionaries } from './dictionaries.ts';
import { generation } from './generation.ts';
import { grouping } from './grouping.ts';
import { lists } from './lists.ts';
import { maths } from './math.ts';
import { queries } from './queries.ts';
import { regexes } from './regexes.ts';
import { Library } from './registry.ts';
import { sets } from './sets.ts';
import { strings } from './strings.ts';
import { propertyAccess, systemFunctions } from './system.ts';
import { timespans } from './timespans.ts';

/** The functions that YAQL has wherever Mistral evaluates it. */
export const library = new Library(
  [
    ...systemFunctions,
    ...comparisons,
    ...conditions,
    ...maths,
    ...strings,
    ...lists,
    ...dictionaries,
    ...sets,
    ...queries,
    ...generation,
    ...grouping,
    ...regexes,
    ...dates,
    ...timespans,
  ],
  [propertyAccess],
);
