target_sources(cnode_actors PRIVATE)
