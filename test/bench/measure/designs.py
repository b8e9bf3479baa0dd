"""The designs that are compared: how each takes statuses, and where it keeps them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Design:
    """One design. `arguments` are those of the load generator."""

    name: str
    arguments: tuple
    schema: str

    @property
    def message(self):
        """The table of messages."""
        return f"{self.schema}.message"

    @property
    def status_event(self):
        """The audit trail."""
        return f"{self.schema}.status_event"


OURS = Design("msgstatus", ("--body-statement", "SELECT msgstatus.apply_message_status($1::jsonb)"), "msgstatus")
JSONB = Design("jsonb", ("--body-statement", "SELECT jsonb_design.apply($1::jsonb)"), "jsonb_design")
CHECKED = Design("jsonb, checked", ("--body-statement", "SELECT jsonb_checked.apply($1::jsonb)"), "jsonb_checked")
TYPED = Design("typed", ("--range-statement", "SELECT typed_design.apply($1::bigint, $2::bigint)"), "typed_design")
DESIGNS = (OURS, JSONB, CHECKED, TYPED)
