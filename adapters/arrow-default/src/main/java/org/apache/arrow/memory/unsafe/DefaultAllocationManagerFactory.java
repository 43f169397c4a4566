package org.apache.arrow.memory.unsafe;

import malloc4j.arrow.Malloc4jAllocationManager;
import org.apache.arrow.memory.AllocationManager;

/// Where Arrow looks for its default when nobody says which: it takes the first class of this name on the class path,
/// and prefers it to Netty's. Here that is malloc4j's common heap.
///
/// @since 0.1.0
public final class DefaultAllocationManagerFactory {
    /// What Arrow reads, by reflection.
    public static final AllocationManager.Factory FACTORY = Malloc4jAllocationManager.FACTORY;

    private DefaultAllocationManagerFactory() {}
}
