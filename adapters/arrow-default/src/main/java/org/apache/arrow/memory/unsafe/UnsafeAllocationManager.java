package org.apache.arrow.memory.unsafe;

import malloc4j.arrow.Malloc4jAllocationManager;
import org.apache.arrow.memory.AllocationManager;

/// What `-Darrow.allocation.manager.type=Unsafe` makes Arrow look for. Here that is malloc4j's common heap.
///
/// @since 0.1.0
public final class UnsafeAllocationManager {
    /// What Arrow reads, by reflection.
    public static final AllocationManager.Factory FACTORY = Malloc4jAllocationManager.FACTORY;

    private UnsafeAllocationManager() {}
}
