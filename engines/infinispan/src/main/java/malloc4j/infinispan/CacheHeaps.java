package malloc4j.infinispan;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.infinispan.configuration.cache.Configuration;
import org.infinispan.configuration.global.GlobalConfiguration;
import org.infinispan.factories.ComponentRegistry;
import org.infinispan.factories.GlobalComponentRegistry;
import org.infinispan.lifecycle.ModuleLifecycle;

/// Gives each off-heap cache of one cache manager a heap when it starts, and closes the heap when the cache has
/// stopped.
///
/// A heap's options come from system properties: `-Dinfinispan.malloc4j.hardLimitBytes=2G` is the option
/// `hardLimitBytes` of each of them. Its name is that of the node and of the cache: `node-1/sessions`.
///
/// Invariant: a heap in which a block is live is not closed, so no thread of Infinispan can touch memory that is gone.
public final class CacheHeaps implements ModuleLifecycle {
    /// Of the system properties that are the options of these heaps.
    public static final String PREFIX = "infinispan.malloc4j.";

    private static final Logger LOGGER = System.getLogger("malloc4j.infinispan");

    private final Map<String, HeapMemoryAllocator> allocators = new ConcurrentHashMap<>(); // by the cache's name

    CacheHeaps() {}

    /// The allocator of a cache, made with a heap where there is none: the same one each time the cache starts.
    HeapMemoryAllocator allocatorOf(ComponentRegistry registry) {
        return allocators.computeIfAbsent(
                registry.getCacheName(), cacheName -> new HeapMemoryAllocator(open(registry, cacheName)));
    }

    /// Gives the allocator of a cache that starts once more another heap.
    @Override
    public void cacheStarting(ComponentRegistry registry, Configuration configuration, String cacheName) {
        if (configuration.memory().isOffHeap() && !allocatorOf(registry).isOpen()) {
            allocatorOf(registry).reopen(open(registry, cacheName));
        }
    }

    private static String nodeName(ComponentRegistry registry) {
        GlobalConfiguration global = registry.getGlobalComponentRegistry().getGlobalConfiguration();
        String node = global.transport().nodeName();
        return node == null ? global.cacheManagerName() : node;
    }

    private static Heap open(ComponentRegistry registry, String cacheName) {
        HeapOptions.Builder options = HeapOptions.builder().name(nodeName(registry) + "/" + cacheName);
        Properties properties = System.getProperties();
        for (String property : properties.stringPropertyNames()) {
            if (property.startsWith(PREFIX)) {
                options.option(property.substring(PREFIX.length()), properties.getProperty(property));
            }
        }
        return Heap.create(options.build());
    }

    @Override
    public void cacheStopped(ComponentRegistry registry, String cacheName) {
        end(cacheName);
    }

    @Override
    public void cacheManagerStopped(GlobalComponentRegistry registry) {
        for (String cacheName : allocators.keySet()) { // those also that have failed to start, which are not stopped
            end(cacheName);
        }
    }

    private void end(String cacheName) {
        HeapMemoryAllocator allocator = allocators.get(cacheName);
        if (allocator == null || !allocator.isOpen()) {
            return;
        }
        try {
            LOGGER.log(Level.DEBUG, "cache {0} has stopped: {1}", cacheName, allocator.close());
        } catch (IllegalStateException stays) {
            LOGGER.log(Level.WARNING, "malloc4j: cache {0} has stopped, but {1}", cacheName, stays.getMessage());
        }
    }
}
