"""What becomes of requests between clusters while their fleet is changed."""
