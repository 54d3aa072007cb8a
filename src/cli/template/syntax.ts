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
  | {
      readonly kind: 'template';
      readonly name: string;
      readonly pipeline: Pipeline | undefined;
      readonly position: number;
    }
  | { readonly kind: 'break' | 'continue' };

/** A template and those that are defined in it, by name. */
export interface Parsed {
  readonly nodes: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

/** Commands joined by `|`: the value of each is the last argument of the next. */
export interface Pipeline {
  readonly declares: readonly string[];
  /** `=` to a variable that there is, and not `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
  readonly position: number;
}

export interface Command {
  readonly operands: readonly Operand[];
  readonly position: number;
}

export type Operand =
  /** `text` is how it stands in the template. */
  | { readonly kind: 'constant'; readonly value: unknown; readonly text: string; readonly position: number }
  | { readonly kind: 'nil'; readonly position: number }
  | { readonly kind: 'function'; readonly name: string; readonly position: number }
  | { readonly kind: 'path'; readonly base: PathBase; readonly fields: readonly string[]; readonly position: number };

/** Where a chain of fields starts: at the dot, at a variable (`$` is the root), or at a pipeline in parentheses. */
export type PathBase =
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline };

/** An operand as Go's messages show it. */
export function describeOperand(operand: Operand): string {
  if (operand.kind === 'constant') return operand.text;
  if (operand.kind === 'nil') return 'nil';
  if (operand.kind === 'function') return operand.name;
  const fields = operand.fields.map((field) => `.${field}`).join('');
  if (operand.base.kind === 'variable') return operand.base.name + fields;
  if (operand.base.kind === 'pipeline') return `(${describePipeline(operand.base.pipeline)})${fields}`;
  return fields === '' ? '.' : fields;
}

/** A command as Go's messages show it. */
export function describeCommand({ operands }: Command): string {
  return operands.map(describeOperand).join(' ');
}

/** A pipeline as Go's messages show it. */
export function describePipeline({ declares, assigns, commands }: Pipeline): string {
  const head = declares.length === 0 ? '' : `${declares.join(', ')} ${assigns ? '=' : ':='} `;
  return head + commands.map(describeCommand).join(' | ');
}
