import { bytes, message } from '#grpc';

/** A piece of a stream of bytes: sessions, files, agents and contexts travel in these. */
export const bytesMessage = message({ data: bytes(1) });
