import type { Selection } from '../engines/engine.ts';

/** The flags that pick a part of an instance, as the client wants them; undefined where the whole is meant. */
export function selectionOf(args: {
  include: string[];
  exclude: string[];
  schemaOnly: boolean;
  dataOnly: boolean;
}): Selection | undefined {
  const selection: Selection = {
    ...(args.include.length > 0 ? { include: args.include } : {}),
    ...(args.exclude.length > 0 ? { exclude: args.exclude } : {}),
    ...(args.schemaOnly ? { schema_only: true } : {}),
    ...(args.dataOnly ? { data_only: true } : {}),
  };
  return Object.keys(selection).length > 0 ? selection : undefined;
}
