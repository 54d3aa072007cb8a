/** The flags of `estiba engine stop`, in the form of node's parseArgs, with what each means. */
export const stopFlags = {
  all: { type: 'boolean', summary: 'Stop all containers and the keeper too; else they go on without an engine' },
  host: { type: 'string', short: 'H', value: 'HOST', summary: 'The engine to stop' },
  tls: { type: 'boolean', summary: 'Use TLS; implied by tlsverify' },
  tlsverify: { type: 'boolean', summary: 'Use TLS, and verify the engine' },
  tlscacert: { type: 'string', value: 'FILE', summary: 'Certificates to trust' },
  tlscert: { type: 'string', value: 'FILE', summary: 'Our certificate' },
  tlskey: { type: 'string', value: 'FILE', summary: 'Our key' },
} as const;
