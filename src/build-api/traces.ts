import { bytes, embedded, int64, message, repeated, service, string, unary } from '#grpc';

// Traces of a client (`opentelemetry.proto.collector.trace.v1`), of which the contents are not read.

const exportTraceServiceRequest = message({
  resourceSpans: repeated(bytes(1)),
});

const exportTracePartialSuccess = message({
  rejectedSpans: int64(1),
  errorMessage: string(2),
});

const exportTraceServiceResponse = message({
  partialSuccess: embedded(1, exportTracePartialSuccess),
});

export const traceService = service('opentelemetry.proto.collector.trace.v1.TraceService', {
  Export: unary(exportTraceServiceRequest, exportTraceServiceResponse),
});
