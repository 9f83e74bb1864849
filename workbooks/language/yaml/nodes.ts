/** What a YAML text holds, with the offsets where it stands. */
export type YamlNode = YamlScalar | YamlList | YamlMap;

export interface YamlScalar {
  readonly kind: 'scalar';
  /** A date is its text in ISO 8601. */
  readonly value: null | boolean | number | string;
  readonly isDate: boolean;
  readonly start: number;
  readonly end: number;
  /** Where in the text the characters of `value` begin, if they stand there as they are. */
  readonly verbatim?: number;
}

export interface YamlList {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly start: number;
  readonly end: number;
}

export interface YamlMap {
  readonly kind: 'map';
  /** In their order, each name once. */
  readonly entries: ReadonlyMap<string, YamlEntry>;
  readonly start: number;
  readonly end: number;
}

export interface YamlEntry {
  readonly key: YamlScalar;
  readonly value: YamlNode;
}
