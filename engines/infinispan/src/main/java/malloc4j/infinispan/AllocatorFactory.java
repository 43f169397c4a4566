package malloc4j.infinispan;

import java.util.List;
import org.infinispan.container.offheap.OffHeapMemoryAllocator;
import org.infinispan.container.offheap.UnpooledOffHeapMemoryAllocator;
import org.infinispan.factories.AbstractNamedCacheComponentFactory;
import org.infinispan.factories.ComponentRegistry;
import org.infinispan.factories.impl.ComponentAccessor;
import org.infinispan.factories.impl.ModuleMetadataBuilder.ModuleBuilder;

/// Makes the component `OffHeapMemoryAllocator` of each cache, in the place of Infinispan's own factory.
///
/// The component is made before a cache starts, and handed at once to what keeps entries. Replacing it in
/// `cacheStarting` is too late for caches that are not clustered, which then go on with `malloc` of the C library
/// unnoticed.
final class AllocatorFactory extends AbstractNamedCacheComponentFactory {
    private static final int NAMED_CACHE = 1; // of the enum Scopes, which is not there at run time

    private final CacheHeaps heaps;

    private AllocatorFactory(CacheHeaps heaps) {
        this.heaps = heaps;
    }

    @Override
    public Object construct(String componentName) {
        return configuration.memory().isOffHeap()
                ? heaps.allocatorOf(basicComponentRegistry
                        .getComponent(ComponentRegistry.class)
                        .wired())
                : new UnpooledOffHeapMemoryAllocator(); // for statistics only
    }

    /// Registers the factory: from now on it counts for caches that are made. What Infinispan's annotation processor
    /// writes for its own components.
    static void register(ModuleBuilder builder, CacheHeaps heaps) {
        String name = AllocatorFactory.class.getName();
        String parent = AbstractNamedCacheComponentFactory.class.getName();
        builder.registerComponentAccessor(
                name,
                List.of(OffHeapMemoryAllocator.class.getName()),
                new ComponentAccessor<AllocatorFactory>(name, NAMED_CACHE, false, parent, List.of()) {
                    @Override
                    protected AllocatorFactory newInstance() {
                        return new AllocatorFactory(heaps);
                    }
                });
    }
}
