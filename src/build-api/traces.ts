import { bytes, embedded, int64, message, type Read, repeated, service, string, unary } from '#grpc';

// Traces of a client (`opentelemetry.proto.collector.trace.v1`), of which the contents are not read.

export const exportTraceServiceRequest = message({
  resourceSpans: repeated(bytes(1)),
});
export type ExportTraceServiceRequest = Read<typeof exportTraceServiceRequest>;

export const exportTracePartialSuccess = message({
  rejectedSpans: int64(1),
  errorMessage: string(2),
});
export type ExportTracePartialSuccess = Read<typeof exportTracePartialSuccess>;

export const exportTraceServiceResponse = message({
  partialSuccess: embedded(1, exportTracePartialSuccess),
});
export type ExportTraceServiceResponse = Read<typeof exportTraceServiceResponse>;

export const traceService = service('opentelemetry.proto.collector.trace.v1.TraceService', {
  Export: unary(exportTraceServiceRequest, exportTraceServiceResponse),
});
