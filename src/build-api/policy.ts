import { embedded, enumeration, int64, map, message, type Read, repeated, string } from '#grpc';

// What a client demands of sources (`moby.buildkit.v1.sourcepolicy`).

const attrConstraint = message({
  key: string(1),
  value: string(2),
  condition: enumeration(3),
});

export const selector = message({
  identifier: string(1),
  matchType: enumeration(2),
  constraints: repeated(embedded(3, attrConstraint)),
});

export const update = message({
  identifier: string(1),
  attrs: map(2, string),
});
export type Update = Read<typeof update>;

export const rule = message({
  action: enumeration(1),
  selector: embedded(2, selector),
  updates: embedded(3, update),
});
export type Rule = Read<typeof rule>;

export const policy = message({
  version: int64(1),
  rules: repeated(embedded(2, rule)),
});
export type Policy = Read<typeof policy>;
