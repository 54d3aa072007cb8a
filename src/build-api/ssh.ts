import { bidirectional, message, service, string, unary } from '#grpc';
import { bytesMessage } from './bytes-message.ts';

// SSH agents of a client (`moby.sshforward.v1`).

const checkAgentRequest = message({
  id: string(1),
});

const checkAgentResponse = message({});

export const sshService = service('moby.sshforward.v1.SSH', {
  CheckAgent: unary(checkAgentRequest, checkAgentResponse),
  ForwardAgent: bidirectional(bytesMessage, bytesMessage),
});
