"""The names of OpenTelemetry's semantic conventions: the stable ones, and deprecated ones that are still sent.

Sources: OpenTelemetry semantic conventions, "Code attributes", "Exceptions", "Service" and "Process" resources.
"""

from collections.abc import Mapping
from typing import Any, Final

SENDER: Final = ("service.name", "service.instance.id")  # columns of a row; the rest of a resource is an attribute
UNKNOWN_SERVICE: Final = "unknown_service"
FUNCTION: Final = "code.function.name"
FILE: Final = "code.file.path"
LINE: Final = "code.line.number"
EXCEPTION_EVENT: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACK: Final = "exception.stacktrace"
STATUS: Final = {0: "UNSET", 1: "OK", 2: "ERROR"}
ERROR_SEVERITY: Final = 17  # the first severity number of ERROR, Logs data model


def process_group(resource: Mapping[str, Any]) -> str:
    """The service name of a resource."""
    return str(resource.get("service.name") or UNKNOWN_SERVICE)


def process(resource: Mapping[str, Any]) -> str:
    """The process name of a resource: its service instance id if there is one, else its service name."""
    return str(resource.get("service.instance.id") or process_group(resource))


def function_name(attributes: Mapping[str, Any]) -> str | None:
    """The function in attributes: code.function.name, or the deprecated code.namespace and code.function."""
    if name := attributes.get(FUNCTION):
        return str(name)
    parts = [str(part) for part in (attributes.get("code.namespace"), attributes.get("code.function")) if part]
    return ".".join(parts) or None


def exception(attributes: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The exception in the attributes of an event: `Type: message`, and its stack."""
    parts = [str(part) for name in (EXCEPTION_TYPE, EXCEPTION_MESSAGE) if (part := attributes.get(name))]
    stack = attributes.get(EXCEPTION_STACK)
    return ": ".join(parts) or None, str(stack) if stack else None
