"""Made-up and broken exports of every form, and runs that are killed: no crash, no loss, no wrong count."""
