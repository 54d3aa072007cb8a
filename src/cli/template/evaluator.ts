import { EstibaError, messageOf } from '#std/errors';
import { callFunction } from './functions.ts';
import {
  type Command,
  describeCommand,
  describeOperand,
  describePipeline,
  type Node,
  type Operand,
  type Parsed,
  type Pipeline,
} from './syntax.ts';
import { executionError, type Source } from './template-error.ts';
import { goType, isRecord, isTrue, printValue, structName, zeroOf } from './values.ts';

export interface EvaluateOptions {
  /** A map's key that is not there is an error, as inspect commands want it; else it is `<no value>`. */
  readonly strictMaps?: boolean;
  /** What is said of a field of something that has none: decoded JSON has no types but `interface {}`. */
  readonly untyped?: boolean;
  /** The data are headings of a table, which functions leave as they are. */
  readonly headings?: boolean;
}

/** A method of a row: its arguments are checked before it is called. */
export interface Method {
  readonly parameters: number;
  call(...values: unknown[]): unknown;
}

type Variables = Map<string, { value: unknown }>;
type Outcome = 'break' | 'continue' | undefined;

/** Templates may call themselves, but not for ever. */
const depthLimit = 1000;

/**
 * Runs a parsed template with `data` as the dot.
 * @throws `invalid-argument` with the place in the template
 */
export function evaluate(source: Source, parsed: Parsed, data: unknown, options: EvaluateOptions = {}): string {
  const evaluation = new Evaluation(source, parsed, options);
  evaluation.run(parsed.nodes, data, new Map([['$', { value: data }]]));
  return evaluation.output;
}

function isMethod(value: unknown): value is Method {
  return isRecord(value) && typeof value.call === 'function' && typeof value.parameters === 'number';
}

class Evaluation {
  output = '';
  #depth = 0;

  constructor(
    readonly source: Source,
    readonly parsed: Parsed,
    readonly options: EvaluateOptions,
  ) {}

  run(nodes: readonly Node[], dot: unknown, variables: Variables): Outcome {
    for (const node of nodes) {
      const outcome = this.#node(node, dot, variables);
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  }

  #node(node: Node, dot: unknown, variables: Variables): Outcome {
    switch (node.kind) {
      case 'text':
        this.output += node.text;
        return undefined;
      case 'action': {
        const value = this.#pipeline(node.pipeline, dot, variables);
        if (node.pipeline.declares.length === 0) this.output += printValue(value);
        return undefined;
      }
      case 'if':
      case 'with': {
        const inner = new Map(variables);
        const value = this.#pipeline(node.pipeline, dot, inner);
        if (!isTrue(value)) return this.run(node.otherwise, dot, inner);
        return this.run(node.body, node.kind === 'with' ? value : dot, inner);
      }
      case 'range':
        return this.#range(node, dot, variables);
      case 'template':
        this.#template(node, dot, variables);
        return undefined;
      default:
        return node.kind;
    }
  }

  #template(node: Node & { kind: 'template' }, dot: unknown, variables: Variables): void {
    const { name, pipeline, position } = node;
    const at = `{{template ${JSON.stringify(name)}${pipeline ? ` ${describePipeline(pipeline)}` : ''}}}`;
    const body = this.parsed.defined.get(name);
    if (!body) throw executionError(this.source, position, at, `template "${name}" not defined`);
    if (this.#depth > depthLimit) {
      throw executionError(this.source, position, at, `exceeded maximum template depth (${depthLimit})`);
    }
    const value = pipeline ? this.#pipeline(pipeline, dot, variables) : undefined;
    this.#depth++;
    this.run(body, value, new Map([['$', { value }]]));
    this.#depth--;
  }

  #range(node: Node & { kind: 'if' | 'with' | 'range' }, dot: unknown, variables: Variables): Outcome {
    const collection = this.#pipeline({ ...node.pipeline, declares: [] }, dot, variables);
    const entries = this.#entries(collection, node.pipeline);
    if (entries.length === 0) return this.run(node.otherwise, dot, variables);
    const { declares } = node.pipeline;
    for (const [key, value] of entries) {
      const inner = new Map(variables);
      const [first, second] = declares;
      if (first !== undefined) inner.set(first, { value: second === undefined ? value : key });
      if (second !== undefined) inner.set(second, { value });
      if (this.run(node.body, value, inner) === 'break') break;
    }
    return undefined;
  }

  #entries(collection: unknown, pipeline: Pipeline): [unknown, unknown][] {
    if (Array.isArray(collection)) return collection.map((value, index) => [index, value]);
    if (typeof collection === 'number') return Array.from({ length: collection }, (_, index) => [index, index]);
    if (isRecord(collection) && structName(collection) === undefined) {
      return Object.keys(collection)
        .sort()
        .map((key) => [key, collection[key]]);
    }
    if (collection === null || collection === undefined) return [];
    const at = describePipeline(pipeline);
    const position = pipeline.commands[0]?.operands[0]?.position ?? pipeline.position;
    throw executionError(this.source, position, at, `range can't iterate over ${printValue(collection)}`);
  }

  #pipeline(pipeline: Pipeline, dot: unknown, variables: Variables): unknown {
    let value: unknown;
    pipeline.commands.forEach((command, index) => {
      value = this.#command(command, dot, variables, index === 0 ? [] : [value]);
    });
    const name = pipeline.declares[0];
    if (name !== undefined) {
      const variable = variables.get(name);
      if (pipeline.assigns && variable) variable.value = value;
      else variables.set(name, { value });
    }
    return value;
  }

  #command(command: Command, dot: unknown, variables: Variables, piped: readonly unknown[]): unknown {
    const [head, ...rest] = command.operands;
    if (!head) return undefined;
    const operand = (each: Operand): unknown => this.#operand(each, dot, variables);
    if (head.kind === 'function') {
      if (head.name === 'and' || head.name === 'or') return this.#shortCircuit(head.name, rest, operand, piped);
      return this.#call(command, head.name, rest, [...rest.map(operand), ...piped]);
    }
    if (head.kind === 'nil') throw this.#error(head, 'nil is not a command');
    if (rest.length > 0 && head.kind === 'constant') {
      throw this.#error(head, `can't give argument to non-function ${describeOperand(head)}`);
    }
    if (head.kind === 'constant') return head.value;
    const value = this.#path(head, dot, variables);
    const values = [...rest.map(operand), ...piped];
    if (isMethod(value)) return this.#method(head, value, values);
    if (values.length === 0) return value;
    if (head.fields.length === 0)
      throw this.#error(head, `can't give argument to non-function ${describeOperand(head)}`);
    const field = head.fields.at(-1) ?? '';
    throw this.#error(
      head,
      this.options.untyped
        ? `${field} is not a method but has arguments`
        : `wrong number of args for ${field}: want 0 got ${values.length}`,
    );
  }

  #shortCircuit(
    name: 'and' | 'or',
    operands: readonly Operand[],
    operand: (each: Operand) => unknown,
    piped: readonly unknown[],
  ): unknown {
    let value: unknown;
    for (const each of operands) {
      value = operand(each);
      if (isTrue(value) === (name === 'or')) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }

  #call(command: Command, name: string, operands: readonly Operand[], values: readonly unknown[]): unknown {
    const wrap = (at: 'head' | 'command' | number, message: string): Error => {
      const operand = typeof at === 'number' ? operands[at] : command.operands[0];
      if (at === 'command' || !operand) {
        return executionError(this.source, command.position, describeCommand(command), message);
      }
      return this.#error(operand, message);
    };
    return callFunction(name, values, { operands, fail: wrap, headings: this.options.headings === true });
  }

  #method(head: Operand & { kind: 'path' }, method: Method, values: readonly unknown[]): unknown {
    const name = head.fields.at(-1) ?? '';
    if (values.length !== method.parameters) {
      throw this.#error(head, `wrong number of args for ${name}: want ${method.parameters} got ${values.length}`);
    }
    try {
      return method.call(...values);
    } catch (error) {
      if (error instanceof EstibaError) throw this.#error(head, `error calling ${name}: ${messageOf(error)}`);
      throw error;
    }
  }

  #operand(operand: Operand, dot: unknown, variables: Variables): unknown {
    if (operand.kind === 'constant') return operand.value;
    if (operand.kind === 'nil') return null;
    if (operand.kind === 'function') {
      return this.#call({ operands: [operand], position: operand.position }, operand.name, [], []);
    }
    const value = this.#path(operand, dot, variables);
    return isMethod(value) ? this.#method(operand, value, []) : value;
  }

  #path(path: Operand & { kind: 'path' }, dot: unknown, variables: Variables): unknown {
    let value: unknown = dot;
    if (path.base.kind === 'pipeline') value = this.#pipeline(path.base.pipeline, dot, variables);
    if (path.base.kind === 'variable') value = variables.get(path.base.name)?.value;
    for (const field of path.fields) value = this.#field(value, field, path);
    return value;
  }

  #field(value: unknown, field: string, path: Operand & { kind: 'path' }): unknown {
    if (isRecord(value) && Object.hasOwn(value, field)) return value[field];
    if (value === null || value === undefined) {
      throw this.#error(path, `nil pointer evaluating interface {}.${field}`);
    }
    const struct = structName(value);
    if (!isRecord(value) || struct !== undefined) {
      const type = this.options.untyped && !isRecord(value) ? 'interface {}' : goType(value);
      throw this.#error(path, `can't evaluate field ${field} in type ${type}`);
    }
    if (this.options.strictMaps) throw this.#error(path, `map has no entry for key "${field}"`);
    return zeroOf(value);
  }

  #error(operand: Operand, message: string): Error {
    return executionError(this.source, operand.position, describeOperand(operand), message);
  }
}
