package malloc4j.infinispan;

import java.util.Collection;
import java.util.List;
import org.infinispan.factories.impl.ModuleMetadataBuilder;
import org.infinispan.lifecycle.ModuleLifecycle;

/// How Infinispan finds this jar: it loads such builders by [java.util.ServiceLoader] for each cache manager, and those
/// of its own by the name "core".
///
/// These interfaces are Infinispan's internal ones: they may change with any version of it.
public final class HeapModule implements ModuleMetadataBuilder {
    private final CacheHeaps heaps = new CacheHeaps();

    /// For [java.util.ServiceLoader].
    public HeapModule() {}

    @Override
    public String getModuleName() {
        return "malloc4j";
    }

    @Override
    public Collection<String> getRequiredDependencies() {
        return List.of("core");
    }

    @Override
    public Collection<String> getOptionalDependencies() {
        return List.of();
    }

    @Override
    public ModuleLifecycle newModuleLifecycle() {
        return heaps;
    }

    @Override
    public void registerMetadata(ModuleBuilder builder) {
        AllocatorFactory.register(builder, heaps);
    }
}
