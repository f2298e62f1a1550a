"""How other programs are run and waited for."""
