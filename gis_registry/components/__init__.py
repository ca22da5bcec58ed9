"""The registry itself: identifiers, components, their history, and looking them up."""
