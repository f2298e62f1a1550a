"""The way from what is deployed to what is declared: stages, transitions, refusals; pure."""
