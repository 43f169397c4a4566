package malloc4j.cli.replay;

/// What a trace asks for, whoever serves it: bytes are the sizes that were requested, a free or realloc gives the
/// old size back.
record TraceSummary(
        int eventCount,
        int objectCount,
        int threadCount,
        long peakLiveBytes,
        int peakLiveObjects,
        int objectsLiveAtEnd) {}
