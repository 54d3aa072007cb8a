import { messageOf } from '#std/errors';
import { functions, type TemplateFunction } from './functions.ts';
import type { Command, Node, Operand, Pipeline } from './syntax.ts';
import { executionError } from './template-error.ts';
import { isRecord, isTrue, printValue } from './values.ts';

export interface EvaluateOptions {
  /** What is said of a field that is not there; its name is given. Without it such a field is `<no value>`. */
  readonly missingField?: ((field: string) => string) | undefined;
}

type Variables = Map<string, { value: unknown }>;
type Outcome = 'break' | 'continue' | undefined;

/**
 * Runs a parsed template with `data` as the dot.
 * @throws `invalid-argument` with the place in `source`
 */
export function evaluate(source: string, nodes: readonly Node[], data: unknown, options: EvaluateOptions = {}): string {
  const evaluation = new Evaluation(source, options);
  evaluation.run(nodes, data, new Map([['$', { value: data }]]));
  return evaluation.output;
}

class Evaluation {
  output = '';

  constructor(
    readonly source: string,
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
      default:
        return node.kind;
    }
  }

  #range(node: Node & { kind: 'if' | 'with' | 'range' }, dot: unknown, variables: Variables): Outcome {
    const collection = this.#pipeline({ ...node.pipeline, declares: [] }, dot, variables);
    const entries = this.#entries(collection);
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

  #entries(collection: unknown): [unknown, unknown][] {
    if (Array.isArray(collection)) return collection.map((value, index) => [index, value]);
    if (typeof collection === 'number') return Array.from({ length: collection }, (_, index) => [index, index]);
    if (isRecord(collection)) {
      return Object.keys(collection)
        .sort()
        .map((key) => [key, collection[key]]);
    }
    if (collection === null || collection === undefined) return [];
    throw executionError(this.source, 0, 'range', `range can't iterate over ${printValue(collection)}`);
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
      return this.#call(head, functions[head.name], [...rest.map(operand), ...piped]);
    }
    if (head.kind === 'constant') return head.value;
    const value = this.#path(head, dot, variables);
    if (typeof value === 'function') {
      return this.#call(head, value as TemplateFunction, [...rest.map(operand), ...piped]);
    }
    if (rest.length > 0) {
      throw executionError(
        this.source,
        head.position,
        describe(head),
        `${head.fields.at(-1) ?? 'it'} is not a method but has arguments`,
      );
    }
    return value;
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

  #call(head: Operand, called: TemplateFunction | undefined, values: readonly unknown[]): unknown {
    try {
      return called?.(...values);
    } catch (error) {
      throw executionError(this.source, head.position, describe(head), messageOf(error));
    }
  }

  #operand(operand: Operand, dot: unknown, variables: Variables): unknown {
    if (operand.kind === 'constant') return operand.value;
    if (operand.kind === 'function') return this.#call(operand, functions[operand.name], []);
    const value = this.#path(operand, dot, variables);
    return typeof value === 'function' ? this.#call(operand, value as TemplateFunction, []) : value;
  }

  #path(path: Operand & { kind: 'path' }, dot: unknown, variables: Variables): unknown {
    let value: unknown = dot;
    if (path.base.kind === 'pipeline') value = this.#pipeline(path.base.pipeline, dot, variables);
    if (path.base.kind === 'variable') {
      const variable = variables.get(path.base.name);
      if (!variable) throw executionError(this.source, path.position, path.base.name, 'undefined variable');
      value = variable.value;
    }
    for (const field of path.fields) value = this.#field(value, field, path);
    return value;
  }

  #field(value: unknown, field: string, path: Operand & { kind: 'path' }): unknown {
    if (isRecord(value) && Object.hasOwn(value, field)) return value[field];
    const complain = (message: string): Error => executionError(this.source, path.position, describe(path), message);
    if (value === null || value === undefined) throw complain(`nil pointer evaluating interface {}.${field}`);
    if (!isRecord(value)) throw complain(`can't evaluate field ${field} in type ${typeof value}`);
    if (this.options.missingField) throw complain(this.options.missingField(field));
    return undefined;
  }
}

function describe(operand: Operand): string {
  if (operand.kind === 'constant') return JSON.stringify(operand.value);
  if (operand.kind === 'function') return operand.name;
  const base = operand.base.kind === 'variable' ? operand.base.name : '';
  return `${base}.${operand.fields.join('.')}`;
}
