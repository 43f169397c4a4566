/// What was read of the allocation profiles of a running process.
@NullMarked
package malloc4j.cli.profile;

import org.jspecify.annotations.NullMarked;
