"""What every store holds, whatever the detector: records, packed columns, and what is right."""
