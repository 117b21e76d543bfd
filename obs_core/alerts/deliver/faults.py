"""What fails for one webhook: it stops no other one, and the watcher names it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from obs_core.errors import ObsError


class WebhookFaults:
    """The faults of the webhooks in one round: sentences by name."""

    def __init__(self) -> None:
        """Start without faults."""
        self.texts: dict[str, str] = {}

    @contextmanager
    def isolated(self, webhook: str) -> Iterator[None]:
        """Run the block; an error that is not about the ledger is the fault of `webhook`.

        Only the type of an unexpected error is named: its text may contain a secret of the webhook.
        """
        try:
            yield
        except sqlite3.Error:
            raise
        except ObsError as error:
            self.failed(webhook, error.message)
        except Exception as error:  # noqa: BLE001 - one webhook never stops the others
            self.failed(webhook, f"an unexpected {type(error).__name__}")

    def failed(self, webhook: str, why: str) -> None:
        """Record the fault of `webhook`."""
        self.texts[webhook] = f"The webhook “{webhook}” gets no notifications until it is repaired or removed: {why}."
