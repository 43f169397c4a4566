/// `malloc4j sites`: who in a running process has allocated what.
@NullMarked
package malloc4j.cli.sites;

import org.jspecify.annotations.NullMarked;
