"""Detectors' own events: from their fields come lines, columns, records and a journal."""
