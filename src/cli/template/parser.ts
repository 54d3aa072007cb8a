import { functions } from './functions.ts';
import { type Token, tokenize } from './lexer.ts';
import type { Command, Node, Operand, Pipeline } from './syntax.ts';
import { templateError } from './template-error.ts';

const constants = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['nil', null],
]);

/**
 * Parses a template: text, actions, `if`, `with`, `range` with `else`, variables, pipelines.
 * @throws `invalid-argument`
 */
export function parseTemplate(source: string): readonly Node[] {
  return new Parser(source).template();
}

class Parser {
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(readonly source: string) {
    this.#tokens = tokenize(source);
  }

  template(): readonly Node[] {
    const { nodes, ended } = this.#nodes();
    if (ended !== undefined) throw this.#error(`unexpected {{${ended}}}`);
    return nodes;
  }

  /** Nodes up to the end of the template, or to an `end` or `else`, which it leaves as the next token. */
  #nodes(): { nodes: Node[]; ended: 'end' | 'else' | undefined } {
    const nodes: Node[] = [];
    for (let token = this.#next(); token; token = this.#next()) {
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      this.#skipSpace();
      const word = this.#peekWord();
      if (word === 'end' || word === 'else') return { nodes, ended: word };
      nodes.push(this.#action(word));
    }
    return { nodes, ended: undefined };
  }

  #action(word: string | undefined): Node {
    if (word === 'if' || word === 'with' || word === 'range') {
      this.#next();
      return this.#block(word);
    }
    if (word === 'break' || word === 'continue') {
      this.#next();
      this.#close();
      return { kind: word };
    }
    const pipeline = this.#pipeline();
    this.#close();
    return { kind: 'action', pipeline };
  }

  #block(kind: 'if' | 'with' | 'range'): Node {
    const pipeline = this.#pipeline();
    this.#close();
    const { nodes: body, ended } = this.#nodes();
    if (ended === undefined) throw this.#error('unexpected EOF');
    this.#next();
    if (ended === 'end') {
      this.#close();
      return { kind, pipeline, body, otherwise: [] };
    }
    this.#skipSpace();
    const word = this.#peekWord();
    if (word === 'if' || word === 'with') {
      // `else if` is an `if` in the `else`; one `end` closes both.
      this.#next();
      return { kind, pipeline, body, otherwise: [this.#block(word)] };
    }
    this.#close();
    const otherwise = this.#nodes();
    if (otherwise.ended !== 'end') throw this.#error('unexpected EOF');
    this.#next();
    this.#close();
    return { kind, pipeline, body, otherwise: otherwise.nodes };
  }

  #pipeline(): Pipeline {
    const { declares, assigns } = this.#declarations();
    const commands: Command[] = [];
    for (;;) {
      const operands = this.#operands();
      if (operands.length === 0) throw this.#error('missing value for command');
      commands.push({ operands });
      if (!this.#takeSymbol('|')) return { declares, assigns, commands };
    }
  }

  #declarations(): { declares: string[]; assigns: boolean } {
    const start = this.#index;
    const declares: string[] = [];
    for (;;) {
      this.#skipSpace();
      const token = this.#peek();
      if (token?.kind !== 'variable') break;
      this.#index++;
      declares.push(token.text);
      this.#skipSpace();
      if (this.#takeSymbol(':=')) return { declares, assigns: false };
      if (this.#takeSymbol('=')) return { declares, assigns: true };
      if (!this.#takeSymbol(',')) break;
    }
    this.#index = start;
    return { declares: [], assigns: false };
  }

  #operands(): Operand[] {
    const operands: Operand[] = [];
    for (;;) {
      this.#skipSpace();
      const operand = this.#operand();
      if (!operand) return operands;
      operands.push(operand);
    }
  }

  #operand(): Operand | undefined {
    const token = this.#peek();
    if (!token) throw this.#error('unclosed action');
    const { position } = token;
    switch (token.kind) {
      case 'string':
        this.#index++;
        return { kind: 'constant', value: token.text, position };
      case 'number':
        this.#index++;
        return { kind: 'constant', value: Number(token.text), position };
      case 'word':
        this.#index++;
        return this.#word(token.text, position);
      case 'field':
        return { kind: 'path', base: { kind: 'dot' }, fields: this.#fields(), position };
      case 'variable':
        this.#index++;
        return { kind: 'path', base: { kind: 'variable', name: token.text }, fields: this.#fields(), position };
      case 'symbol':
        return this.#symbolOperand(token.text, position);
      default:
        return undefined;
    }
  }

  #word(text: string, position: number): Operand {
    if (constants.has(text)) return { kind: 'constant', value: constants.get(text), position };
    if (!Object.hasOwn(functions, text)) throw this.#error(`function "${text}" not defined`);
    return { kind: 'function', name: text, position };
  }

  #symbolOperand(symbol: string, position: number): Operand | undefined {
    if (symbol === '.') {
      this.#index++;
      return { kind: 'path', base: { kind: 'dot' }, fields: [], position };
    }
    if (symbol !== '(') return undefined;
    this.#index++;
    const pipeline = this.#pipeline();
    this.#skipSpace();
    if (!this.#takeSymbol(')')) throw this.#error('unclosed left paren');
    return { kind: 'path', base: { kind: 'pipeline', pipeline }, fields: this.#fields(), position };
  }

  #fields(): string[] {
    const fields: string[] = [];
    for (let token = this.#peek(); token?.kind === 'field'; token = this.#peek()) {
      fields.push(token.text);
      this.#index++;
    }
    return fields;
  }

  #close(): void {
    this.#skipSpace();
    const token = this.#next();
    if (token?.kind === 'close') return;
    const text = token && 'text' in token ? token.text : 'EOF';
    throw this.#error(`unexpected <${text}> in command`);
  }

  #takeSymbol(text: string): boolean {
    const token = this.#peek();
    if (token?.kind !== 'symbol' || token.text !== text) return false;
    this.#index++;
    return true;
  }

  #skipSpace(): void {
    while (this.#peek()?.kind === 'space') this.#index++;
  }

  #peekWord(): string | undefined {
    const token = this.#peek();
    return token?.kind === 'word' ? token.text : undefined;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#index];
  }

  #next(): Token | undefined {
    return this.#tokens[this.#index++];
  }

  #error(message: string): Error {
    return templateError(this.source, this.#peek()?.position ?? this.source.length, message);
  }
}
