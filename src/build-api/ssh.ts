import { bidirectional, bytes, message, type Read, service, string, unary } from '#grpc';

// SSH agents of a client (`moby.sshforward.v1`).

export const bytesMessage = message({
  data: bytes(1),
});
export type BytesMessage = Read<typeof bytesMessage>;

const checkAgentRequest = message({
  id: string(1),
});

const checkAgentResponse = message({});

export const sshService = service('moby.sshforward.v1.SSH', {
  CheckAgent: unary(checkAgentRequest, checkAgentResponse),
  ForwardAgent: bidirectional(bytesMessage, bytesMessage),
});
