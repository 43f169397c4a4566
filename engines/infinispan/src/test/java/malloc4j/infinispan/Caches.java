package malloc4j.infinispan;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.infinispan.Cache;
import org.infinispan.configuration.cache.CacheMode;
import org.infinispan.configuration.cache.Configuration;
import org.infinispan.configuration.cache.ConfigurationBuilder;
import org.infinispan.configuration.cache.StorageType;
import org.infinispan.configuration.global.GlobalConfigurationBuilder;
import org.infinispan.container.offheap.OffHeapMemoryAllocator;
import org.infinispan.factories.ComponentRegistry;
import org.infinispan.manager.DefaultCacheManager;
import org.infinispan.manager.EmbeddedCacheManager;

/// Cache managers and caches as these tests have them.
final class Caches {
    static final String NAME = "entries";

    private static final long PATIENCE_SECONDS = 240; // on a machine with other things to do

    private Caches() {}

    /// A node of the cluster, with the cache [#NAME].
    ///
    /// @param isOwner whether it keeps entries, or only asks the others
    static EmbeddedCacheManager join(String node, Path stack, boolean isOwner) {
        GlobalConfigurationBuilder global = GlobalConfigurationBuilder.defaultClusteredBuilder();
        global.transport()
                .clusterName("malloc4j")
                .nodeName(node)
                .addProperty("configurationFile", stack.toString())
                .distributedSyncTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS);
        EmbeddedCacheManager manager = new DefaultCacheManager(global.build());
        ConfigurationBuilder cache = new ConfigurationBuilder();
        cache.memory().storage(StorageType.OFF_HEAP);
        cache.clustering()
                .cacheMode(CacheMode.DIST_SYNC)
                .remoteTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .stateTransfer()
                .timeout(2 * PATIENCE_SECONDS, TimeUnit.SECONDS);
        cache.clustering().hash().numOwners(2).capacityFactor(isOwner ? 1 : 0);
        manager.defineConfiguration(NAME, cache.build());
        return manager;
    }

    /// A manager of caches that nobody shares.
    static EmbeddedCacheManager alone() {
        return new DefaultCacheManager(
                new GlobalConfigurationBuilder().nonClusteredDefault().build());
    }

    static Configuration offHeap() {
        return new ConfigurationBuilder().memory().storage(StorageType.OFF_HEAP).build();
    }

    /// What the cache allocates from.
    static HeapMemoryAllocator allocator(Cache<?, ?> cache) {
        return (HeapMemoryAllocator) ComponentRegistry.componentOf(cache, OffHeapMemoryAllocator.class);
    }
}
