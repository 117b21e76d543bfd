"""The tags that represent fields of OpenTelemetry's spans in formats without these fields: Jaeger's and Zipkin's.

Source: OpenTelemetry specification, "Mapping to Non-OTLP Formats".
"""

from typing import Final

ERROR_TAG: Final = "error"
STATUS_TAG: Final = "otel.status_code"
MESSAGE_TAG: Final = "otel.status_description"
STATE_TAG: Final = "w3c.tracestate"
SCOPE_TAGS: Final = ("otel.scope.name", "otel.scope.version")
OLD_SCOPE_TAGS: Final = ("otel.library.name", "otel.library.version")
