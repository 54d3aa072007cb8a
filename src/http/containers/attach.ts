import type { Attachment, AttachOptions, Containers } from '#containers';
import { kindOf } from '#std/errors';
import type { Call, Endpoint } from '../exchange.ts';
import { hijackRefusal, hijackResponse } from '../hijack-response.ts';

/** What the query of an attach asks for. */
export function attachOptions({ query }: Call): AttachOptions {
  const detachKeys = query.text('detachKeys');
  return {
    stdin: query.flag('stdin'),
    stdout: query.flag('stdout'),
    stderr: query.flag('stderr'),
    logs: query.flag('logs'),
    stream: query.flag('stream'),
    ...(detachKeys === undefined ? {} : { detachKeys }),
  };
}

/** `POST /containers/{name}/attach` */
export function attachContainer(containers: Pick<Containers, 'attach'>): Endpoint {
  return async (call) => {
    let attachment: Attachment;
    try {
      attachment = await containers.attach(call.name, attachOptions(call));
    } catch (error) {
      if (kindOf(error) === 'internal') throw error;
      return hijackRefusal(error);
    }
    return hijackResponse(call, attachment.terminal, {
      connect: async () => attachment,
      abandon: () => attachment.close(),
    });
  };
}
