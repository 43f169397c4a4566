package malloc4j.pages;

import java.util.List;
import java.util.stream.Stream;
import malloc4j.internal.region.PageGeometry;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/// Runs tests in this JVM, whose [malloc4j.internal.os.TestKernel] has the pages that the first argument says. The
/// others are names of classes, or of packages, which end in `.*`.
final class LargePagesChild {
    private LargePagesChild() {}

    public static void main(String[] arguments) {
        List<? extends DiscoverySelector> what = Stream.of(arguments)
                .skip(1)
                .map(name -> name.endsWith(".*")
                        ? DiscoverySelectors.selectPackage(name.substring(0, name.length() - 2))
                        : DiscoverySelectors.selectClass(name))
                .toList();
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(what)
                .filters(ClassNameFilter.excludeClassNamePatterns("malloc4j\\.pages\\..*"))
                .build();
        Launcher launcher = LauncherFactory.create();
        SummaryGeneratingListener listener = new SummaryGeneratingListener();
        launcher.execute(request, listener);
        TestExecutionSummary summary = listener.getSummary();
        for (TestExecutionSummary.Failure failure : summary.getFailures()) {
            System.out.println(failure.getTestIdentifier().getUniqueId());
            failure.getException().printStackTrace(System.out);
        }
        System.out.println("\npages of " + PageGeometry.PAGE_BYTES + " bytes: " + summary.getTestsSucceededCount()
                + " of " + summary.getTestsStartedCount() + " tests succeeded");
        boolean isWrong = PageGeometry.PAGE_BYTES != Long.parseLong(arguments[0]);
        System.exit(isWrong || summary.getTestsSucceededCount() == 0 || summary.getTotalFailureCount() > 0 ? 2 : 0);
    }
}
