/** The syntax tree of a template. Positions are offsets into its text, for messages. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: 'break' | 'continue' };

/** Commands joined by `|`: the value of each is the last argument of the next. */
export interface Pipeline {
  readonly declares: readonly string[];
  /** `=` to a variable that there is, and not `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

export interface Command {
  readonly operands: readonly Operand[];
}

export type Operand =
  | { readonly kind: 'constant'; readonly value: unknown; readonly position: number }
  | { readonly kind: 'function'; readonly name: string; readonly position: number }
  | { readonly kind: 'path'; readonly base: PathBase; readonly fields: readonly string[]; readonly position: number };

/** Where a chain of fields starts: at the dot, at a variable (`$` is the root), or at a pipeline in parentheses. */
export type PathBase =
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline };
