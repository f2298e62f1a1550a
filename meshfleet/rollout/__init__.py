"""The rollout from what is deployed to what is declared: stages, transitions, refusals. Pure."""
