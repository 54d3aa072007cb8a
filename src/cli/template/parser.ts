import { functions } from './functions.ts';
import type { Command, Node, Operand, Parsed, Pipeline } from './syntax.ts';
import type { Source } from './template-error.ts';
import { describeToken, keywords, Tokens } from './tokens.ts';

const truths = new Map<string, unknown>([
  ['true', true],
  ['false', false],
]);

type Ended = 'end' | 'else' | undefined;

/**
 * Parses a template: text, actions, `if`, `with`, `range` with `else`, `define`, `template`, `block`, variables, pipelines.
 * @throws `invalid-argument`
 */
export function parseTemplate(source: Source): Parsed {
  return new Parser(source).template();
}

class Parser {
  readonly #tokens: Tokens;
  readonly #defined = new Map<string, readonly Node[]>();
  /** Names that are known at this place, innermost last. */
  #variables: string[] = ['$'];
  #ranges = 0;

  constructor(readonly source: Source) {
    this.#tokens = new Tokens(source);
  }

  template(): Parsed {
    const { nodes, ended } = this.#nodes();
    if (ended !== undefined) throw this.#tokens.error(`unexpected {{${ended}}}`);
    return { nodes, defined: this.#defined };
  }

  /** Nodes up to the end of the template, or to an `end` or `else`, which it leaves as the next token. */
  #nodes(): { nodes: Node[]; ended: Ended } {
    const nodes: Node[] = [];
    for (let token = this.#tokens.next(); token; token = this.#tokens.next()) {
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      this.#tokens.skipSpace();
      const word = this.#tokens.peekWord();
      if (word === 'end' || word === 'else') return { nodes, ended: word };
      const node = this.#action(word);
      if (node) nodes.push(node);
    }
    return { nodes, ended: undefined };
  }

  #action(word: string | undefined): Node | undefined {
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        this.#tokens.next();
        return this.#scoped(() => this.#block(word));
      case 'define':
        this.#tokens.next();
        this.#define();
        return undefined;
      case 'block':
      case 'template':
        return this.#invocation(word);
      case 'break':
      case 'continue':
        this.#tokens.next();
        if (this.#ranges === 0) throw this.#tokens.error(`{{${word}}} outside {{range}}`);
        this.#close(word);
        return { kind: word };
      default: {
        const pipeline = this.#pipeline('command');
        this.#close('command');
        return { kind: 'action', pipeline };
      }
    }
  }

  /** Variables that are declared in a block are forgotten at its end. */
  #scoped<T>(parse: () => T): T {
    const before = this.#variables;
    this.#variables = [...before];
    try {
      return parse();
    } finally {
      this.#variables = before;
    }
  }

  #define(): void {
    const name = this.#name('define clause');
    this.#close('define clause');
    this.#body(name);
  }

  /** The body of a `define` or `block`, which knows no variables of its surroundings. */
  #body(name: string): void {
    const [variables, ranges] = [this.#variables, this.#ranges];
    this.#variables = ['$'];
    this.#ranges = 0;
    const { nodes, ended } = this.#nodes();
    if (ended === undefined) throw this.#tokens.error('unexpected EOF');
    if (ended === 'else') throw this.#tokens.error('unexpected {{else}} in define clause');
    this.#tokens.next();
    this.#close('end');
    this.#defined.set(name, nodes);
    this.#variables = variables;
    this.#ranges = ranges;
  }

  #invocation(word: 'block' | 'template'): Node {
    this.#tokens.next();
    this.#tokens.skipSpace();
    const position = this.#tokens.peek()?.position ?? 0;
    const name = this.#name(`${word} clause`);
    this.#tokens.skipSpace();
    const bare = word === 'template' && this.#tokens.peek()?.kind === 'close';
    const pipeline = bare ? undefined : this.#pipeline(`${word} clause`);
    this.#close(`${word} clause`);
    if (word === 'block') this.#body(name);
    return { kind: 'template', name, pipeline, position };
  }

  #name(context: string): string {
    this.#tokens.skipSpace();
    const token = this.#tokens.next();
    if (token?.kind === 'constant' && typeof token.value === 'string') return token.value;
    throw this.#tokens.error(`unexpected ${describeToken(token)} in ${context}`);
  }

  #block(kind: 'if' | 'with' | 'range'): Node {
    const pipeline = this.#pipeline(kind);
    this.#close(kind);
    if (kind === 'range') this.#ranges++;
    const { nodes: body, ended } = this.#nodes();
    if (kind === 'range') this.#ranges--;
    if (ended === undefined) throw this.#tokens.error('unexpected EOF');
    this.#tokens.next();
    if (ended === 'end') {
      this.#close('end');
      return { kind, pipeline, body, otherwise: [] };
    }
    this.#tokens.skipSpace();
    const word = this.#tokens.peekWord();
    if ((word === 'if' && kind === 'if') || (word === 'with' && kind === 'with')) {
      // `else if` is an `if` in the `else`; one `end` closes both.
      this.#tokens.next();
      return { kind, pipeline, body, otherwise: [this.#block(word)] };
    }
    this.#close('else');
    const otherwise = this.#nodes();
    if (otherwise.ended === undefined) throw this.#tokens.error('unexpected EOF');
    if (otherwise.ended === 'else') throw this.#tokens.error(`expected end; found {{else}}`);
    this.#tokens.next();
    this.#close('end');
    return { kind, pipeline, body, otherwise: otherwise.nodes };
  }

  #pipeline(context: string): Pipeline {
    this.#tokens.skipSpace();
    const position = this.#tokens.peek()?.position ?? this.source.text.length;
    const { declares, assigns } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      this.#tokens.skipSpace();
      const at = this.#tokens.peek();
      if (!at || at.kind === 'close' || (at.kind === 'symbol' && at.text === ')')) break;
      const operands = this.#operands();
      if (operands.length === 0)
        throw this.#tokens.error(`unexpected ${describeToken(this.#tokens.peek())} in ${context}`);
      commands.push({ operands, position: at.position });
      if (!this.#tokens.takeSymbol('|')) break;
    }
    if (commands.length === 0) throw this.#tokens.error(`missing value for ${context}`);
    commands.slice(1).forEach((command, index) => {
      const [head] = command.operands;
      const runs =
        head?.kind === 'function' || (head?.kind === 'path' && !(head.base.kind === 'dot' && head.fields.length === 0));
      if (!runs) throw this.#tokens.error(`non executable command in pipeline stage ${index + 2}`);
    });
    if (!assigns) this.#variables.push(...declares);
    return { declares, assigns, commands, position };
  }

  #declarations(context: string): { declares: string[]; assigns: boolean } {
    const start = this.#tokens.index;
    const declares: string[] = [];
    for (;;) {
      this.#tokens.skipSpace();
      const token = this.#tokens.peek();
      if (token?.kind !== 'variable') break;
      this.#tokens.index++;
      declares.push(token.text);
      this.#tokens.skipSpace();
      if (this.#tokens.takeSymbol(':=')) return { declares, assigns: false };
      if (this.#tokens.takeSymbol('=')) {
        for (const name of declares) this.#checkVariable(name);
        return { declares, assigns: true };
      }
      if (context !== 'range' || declares.length > 1 || !this.#tokens.takeSymbol(',')) break;
    }
    this.#tokens.index = start;
    return { declares: [], assigns: false };
  }

  #operands(): Operand[] {
    const operands: Operand[] = [];
    for (;;) {
      this.#tokens.skipSpace();
      const operand = this.#operand();
      if (!operand) return operands;
      operands.push(operand);
    }
  }

  #operand(): Operand | undefined {
    const token = this.#tokens.peek();
    if (!token) throw this.#tokens.error('unclosed action');
    const { position } = token;
    switch (token.kind) {
      case 'constant':
        this.#tokens.index++;
        return { kind: 'constant', value: token.value, text: token.raw, position };
      case 'word':
        return this.#word(token.text, position);
      case 'field': {
        const fields = this.#fields();
        // Go's parser counts a chain of fields from its second name.
        const second = fields.length > 1 ? position + 1 + (fields[0]?.length ?? 0) : position;
        return { kind: 'path', base: { kind: 'dot' }, fields, position: second };
      }
      case 'variable': {
        this.#tokens.index++;
        this.#checkVariable(token.text);
        const fields = this.#fields();
        const second = fields.length > 0 ? position + token.text.length : position;
        return { kind: 'path', base: { kind: 'variable', name: token.text }, fields, position: second };
      }
      case 'symbol':
        return this.#symbolOperand(token.text, position);
      default:
        return undefined;
    }
  }

  #checkVariable(name: string): void {
    if (!this.#variables.includes(name)) throw this.#tokens.error(`undefined variable "${name}"`);
  }

  #word(text: string, position: number): Operand | undefined {
    if (text === 'nil') {
      this.#tokens.index++;
      return { kind: 'nil', position };
    }
    if (truths.has(text)) {
      this.#tokens.index++;
      return { kind: 'constant', value: truths.get(text), text, position };
    }
    if (keywords.has(text)) return undefined;
    this.#tokens.index++;
    if (!Object.hasOwn(functions, text)) throw this.#tokens.error(`function "${text}" not defined`);
    return { kind: 'function', name: text, position };
  }

  #symbolOperand(symbol: string, position: number): Operand | undefined {
    if (symbol === '.') {
      this.#tokens.index++;
      return { kind: 'path', base: { kind: 'dot' }, fields: [], position };
    }
    if (symbol !== '(') return undefined;
    this.#tokens.index++;
    const pipeline = this.#pipeline('parenthesized pipeline');
    this.#tokens.skipSpace();
    if (!this.#tokens.takeSymbol(')'))
      throw this.#tokens.error(`unexpected ${describeToken(this.#tokens.peek())} in parenthesized pipeline`);
    return { kind: 'path', base: { kind: 'pipeline', pipeline }, fields: this.#fields(), position };
  }

  #fields(): string[] {
    const fields: string[] = [];
    for (let token = this.#tokens.peek(); token?.kind === 'field'; token = this.#tokens.peek()) {
      fields.push(token.text);
      this.#tokens.index++;
    }
    return fields;
  }

  #close(context: string): void {
    this.#tokens.skipSpace();
    const token = this.#tokens.next();
    if (token?.kind !== 'close') throw this.#tokens.error(`unexpected ${describeToken(token)} in ${context}`);
  }
}
