/** One thing that decides over a packet, or changes it. */
export interface NetworkTraceStep {
  /** A chain of rules, or another place that it passes. */
  readonly Where: string;
  /** The rule in the language of nft(8); empty where it is none. */
  readonly Rule: string;
  readonly Outcome: string;
  readonly Reason: string;
}

/** Whether and why the first packet of a connection arrives: the answer of `GET /estiba/networks/trace`. */
export interface NetworkTrace {
  readonly Address: string;
  readonly Port: number;
  readonly Protocol: string;
  readonly Passes: boolean;
  /** `host`, or an address and a port behind all translation; empty where it does not arrive. */
  readonly ArrivesAt: string;
  readonly Steps: readonly NetworkTraceStep[];
}
