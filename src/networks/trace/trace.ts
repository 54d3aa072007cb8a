import { fail } from '#std/errors';
import { addressNumber } from '../addresses/ip.ts';
import type { Family } from '../firewall/facts.ts';
import { type ForwardedPacket, forwardRules, guardedForwarder, publishRules } from '../firewall/rules.ts';
import { type FirewallState, isIpv6 } from '../firewall/state.ts';
import { type Sets, setsOf } from './sets.ts';

/** A network that a container is in. */
export interface TracedEndpoint {
  /** The bridge; empty where the network is no bridge, and the host does not see its packets. */
  readonly device: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** Whether what is for other networks leaves by it, per family. */
  readonly isGatewayIpv4: boolean;
  readonly isGatewayIpv6: boolean;
}

/** Where a packet comes from: a container, the host itself, or something that reaches the host by one of its interfaces. */
export type TraceSource =
  | { readonly kind: 'container'; readonly endpoints: readonly TracedEndpoint[] }
  | { readonly kind: 'host' }
  | { readonly kind: 'outside'; readonly interface: string };

/** What is asked: whether the first packet of a connection arrives. */
export interface TraceQuestion {
  readonly source: TraceSource;
  readonly address: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp';
}

/** What is to be known beside the engine's own rules. */
export interface Surroundings {
  /** Whether an address is one of the host's, the gateways of its bridges among them. */
  readonly isHostAddress: (address: string) => boolean;
  /** Interface by which the host reaches an address that is behind none of the bridges. */
  readonly wayOut: string;
  /** Rules that the administrator has put into the chain that is passed first. */
  readonly administratorRules: number;
  /** Whether the host's own filter drops by default, and lets our bridges pass: per family, undefined where there is none. */
  readonly hostFilter: (family: Family) => { readonly chain: string; readonly isOpen: boolean } | undefined;
}

/** One thing that decides over the packet, or changes it. */
export interface TraceStep {
  readonly where: string;
  /** The rule in the language of nft(8), where it is one. */
  readonly rule?: string;
  readonly outcome: 'no match' | 'goes on' | 'translated' | 'accepted' | 'dropped' | 'arrives';
  readonly reason: string;
}

/** The whole way of a packet. */
export interface Trace {
  readonly passes: boolean;
  /** Where it arrives: the host itself, or an address and a port (behind all translation). */
  readonly arrivesAt?: 'host' | { readonly address: string; readonly port: number };
  readonly steps: readonly TraceStep[];
}

const forwardHook = 'chain forward';

function isLoopback(address: string): boolean {
  return isIpv6(address) ? addressNumber(address) === 1n : address.startsWith('127.');
}

function isLinkLocal(address: string): boolean {
  return isIpv6(address) && addressNumber(address) >> 118n === 0x3fan;
}

/** Follows one packet; collects what happens to it. */
class Tracer {
  readonly #steps: TraceStep[] = [];
  #arrivesAt: Trace['arrivesAt'];
  readonly #family: Family;
  readonly #sets: Sets;

  constructor(
    readonly state: FirewallState,
    readonly question: TraceQuestion,
    readonly surroundings: Surroundings,
  ) {
    this.#family = isIpv6(question.address) ? 'ip6' : 'ip';
    this.#sets = setsOf(state, this.#family);
  }

  follow(): Trace {
    const passes = this.#follow();
    return { passes, ...(this.#arrivesAt !== undefined && { arrivesAt: this.#arrivesAt }), steps: this.#steps };
  }

  #step(where: string, outcome: TraceStep['outcome'], reason: string, rule?: string): void {
    this.#steps.push({ where, outcome, reason, ...(rule !== undefined && { rule }) });
  }

  #follow(): boolean {
    const { source, address } = this.question;
    if (
      source.kind === 'container' &&
      source.endpoints.some(({ ipv4, ipv6 }) => address === ipv4 || address === ipv6)
    ) {
      this.#step('route', 'arrives', 'the address is its own: nothing leaves the container');
      this.#arrivesAt = { address, port: this.question.port };
      return true;
    }
    const from = this.#comesFrom();
    if (from === undefined) return false;
    if (from === '' && source.kind === 'container') {
      this.#step('route', 'arrives', 'it leaves by a network that is no bridge: the rules of this host do not see it');
      return true;
    }
    if (
      source.kind === 'container' &&
      this.#sets.bridgeOf(address) === from &&
      !this.surroundings.isHostAddress(address)
    ) {
      return this.#forward(from, address, this.question.port, false);
    }
    if (source.kind !== 'host' && isLoopback(address)) {
      const reason = 'a loopback address is the own one of whoever sends to it';
      this.#step(
        'chain guard',
        'dropped',
        reason,
        `${this.#family} daddr ${isIpv6(address) ? '::1' : '127.0.0.0/8'} drop`,
      );
      return false;
    }
    if (!this.surroundings.isHostAddress(address) && !isLoopback(address)) {
      return this.#forward(from, address, this.question.port, false);
    }
    return this.#published(from, address);
  }

  /** The device that it enters the host by; empty for the host's own. */
  #comesFrom(): string | undefined {
    const { source, address } = this.question;
    if (source.kind === 'host') return '';
    if (source.kind === 'outside') return source.interface;
    const isOwn = ({ ipv4, ipv6 }: TracedEndpoint): boolean => (this.#family === 'ip' ? ipv4 : ipv6) !== undefined;
    const own = source.endpoints.filter(isOwn);
    const near = own.find(({ device }) => this.#sets.bridgeOf(address) === device);
    const gateway = own.find((endpoint) => (this.#family === 'ip' ? endpoint.isGatewayIpv4 : endpoint.isGatewayIpv6));
    const { device } = near ?? gateway ?? {};
    if (device === undefined) {
      this.#step(
        'route',
        'dropped',
        'the container has no way there: none of its networks holds the address or has a gateway',
      );
      return undefined;
    }
    const how = near === undefined ? 'the gateway of' : 'its own network,';
    this.#step('route', 'goes on', `it leaves the container by ${how} ${device}`);
    return device;
  }

  /** An address of the host was asked: a published port there, or the host itself. */
  #published(from: string, address: string): boolean {
    const { protocol } = this.question;
    const chain = from === '' ? 'chain output' : 'chain prerouting';
    const isAside =
      this.#family === 'ip6' ? isLoopback(address) || isLinkLocal(address) : from !== '' && isLoopback(address);
    const found = protocol === 'icmp' || isAside ? undefined : this.#redirection(address);
    if (found === undefined) return this.#byForwarder(from, address) ?? this.#atHost(address, chain);
    const { map, to, at } = found;
    const reason = `the port is published: it goes to ${to.address}, port ${at.port}`;
    this.#step(chain, 'translated', reason, publishRules[map](this.#family));
    if (from !== '') return this.#forward(from, to.address, at.port, true);
    return this.#fromHost(to.address, at.port);
  }

  /** The element of a map that the address and the port are the key of. */
  #redirection(address: string) {
    const { port, protocol } = this.question;
    for (const map of ['published_address', 'published_any'] as const) {
      const key = map === 'published_any' ? [] : [{ address }];
      const [to, at] = this.#sets.find(map, ...key, { protocol: protocol as 'tcp' }, { port }) ?? [];
      if (to !== undefined && at !== undefined && 'address' in to && 'port' in at) return { map, to, at };
    }
    return undefined;
  }

  #fromHost(address: string, port: number): true {
    this.#step('output', 'arrives', 'what the host itself sends is not filtered');
    this.#arrivesAt = { address, port };
    return true;
  }

  #atHost(address: string, chain: string): boolean {
    this.#step(chain, 'goes on', 'the port is not published');
    this.#arrivesAt = 'host';
    this.#step(
      'input',
      'arrives',
      `${address} is the host's: whether anything answers there is no matter of these rules`,
    );
    return true;
  }

  /** Undefined where the forwarder has no such port. */
  #byForwarder(from: string, address: string): boolean | undefined {
    const { port, protocol } = this.question;
    if (this.#family === 'ip' || protocol === 'icmp') return undefined;
    const found = this.state.redirections.find(
      ({ port: published }) =>
        published.protocol === protocol &&
        published.hostPort === port &&
        (published.hostAddress === '::' ||
          (isIpv6(published.hostAddress) && addressNumber(published.hostAddress) === addressNumber(address))),
    );
    if (found === undefined) return undefined;
    if (this.#sets.has('internal', { device: from }) && this.#sets.has('forwarded', { protocol }, { port })) {
      const reason = 'it comes from an internal network: the forwarder has nothing for it';
      this.#step('chain guard', 'dropped', reason, `${guardedForwarder} drop`);
      return false;
    }
    this.#arrivesAt = { address: found.address, port: found.port.containerPort };
    this.#step(
      'forwarder',
      'arrives',
      `the engine itself passes it on to ${found.address}, port ${found.port.containerPort}`,
    );
    return true;
  }

  #forward(from: string, destination: string, port: number, isTranslated: boolean): boolean {
    const { protocol } = this.question;
    const to = this.#sets.bridgeOf(destination) ?? this.surroundings.wayOut;
    if (from === '') return this.#fromHost(destination, port);
    const { administratorRules } = this.surroundings;
    if (administratorRules > 0) {
      const reason = `${administratorRules} rules of the administrator, which are not looked into here, may drop it`;
      this.#step('chain forward of estiba-user', 'goes on', reason);
    }
    const packet: ForwardedPacket = {
      ...{ family: this.#family, from, to, protocol, destination, port, isTranslated },
      isAnswer: false,
    };
    for (const { match, applies, verdict, reason } of forwardRules(this.state)) {
      const rule = `${match(this.#family)} ${verdict}`.trim();
      if (!applies(packet, this.#sets.has)) {
        this.#step(forwardHook, 'no match', `were it so: ${reason}`, rule);
        continue;
      }
      this.#step(forwardHook, verdict === 'accept' ? 'accepted' : 'dropped', reason, rule);
      if (verdict === 'drop' || !this.#leave(from, to)) return false;
      this.#arrivesAt = { address: destination, port };
      return true;
    }
    throw fail('internal', 'the last rule applies to every packet');
  }

  #leave(from: string, to: string): boolean {
    const filter = this.surroundings.hostFilter(this.#family);
    if (filter !== undefined) {
      const reason = filter.isOpen ? "the engine's rules let it pass" : 'it drops what it does not know';
      this.#step(`the host's chain ${filter.chain}`, filter.isOpen ? 'goes on' : 'dropped', reason);
      if (!filter.isOpen) return false;
    }
    if (
      from !== to &&
      this.#sets.bridgeOf(this.question.address) === undefined &&
      !this.#sets.has('bridges', { device: to })
    ) {
      const bridge = this.state.bridges.find(({ device }) => device === from);
      const rules = this.#family === 'ip' ? bridge?.ipv4 : bridge?.ipv6;
      if (bridge?.masquerade === true && rules !== undefined && rules.mode !== 'routed') {
        const as = rules.source ?? `that of ${to}`;
        this.#step('chain postrouting', 'translated', `its source becomes an address of the host: ${as}`);
      }
    }
    this.#step('forward', 'arrives', `it leaves by ${to}`);
    return true;
  }
}

/**
 * Tells, rule by rule, whether the first packet of a connection would arrive: a pure function over the same facts and the
 * same list of rules that the tables are made of.
 */
export function trace(state: FirewallState, question: TraceQuestion, surroundings: Surroundings): Trace {
  return new Tracer(state, question, surroundings).follow();
}
