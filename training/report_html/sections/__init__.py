"""One part of the report each: from findings to blocks. No HTML here."""
