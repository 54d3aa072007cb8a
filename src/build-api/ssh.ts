import { bidirectional, bytes, message, type Read, service, string, unary } from '#grpc';

// SSH agents of a client (`moby.sshforward.v1`).

export const bytesMessage = message({
  data: bytes(1),
});
export type BytesMessage = Read<typeof bytesMessage>;

export const checkAgentRequest = message({
  id: string(1),
});
export type CheckAgentRequest = Read<typeof checkAgentRequest>;

export const checkAgentResponse = message({});
export type CheckAgentResponse = Read<typeof checkAgentResponse>;

export const sshService = service('moby.sshforward.v1.SSH', {
  CheckAgent: unary(checkAgentRequest, checkAgentResponse),
  ForwardAgent: bidirectional(bytesMessage, bytesMessage),
});
