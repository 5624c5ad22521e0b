"""What `inv init` writes into somebody's project, from what is there already."""
