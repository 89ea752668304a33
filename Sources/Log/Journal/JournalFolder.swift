import Platform

/// The journal's folder: its names, and the file that fixes what never changes.
struct JournalFolder {
    /// What holds records, or their identities, by partition and number.
    struct Names: Sendable {
        var segments: [SegmentName]
        /// Of removed segments, whose identities are kept.
        var kept: [SegmentName]

        func of(_ partition: PartitionID) -> Names {
            Names(
                segments: segments.filter { $0.partition == partition },
                kept: kept.filter { $0.partition == partition }
            )
        }
    }

    let path: String
    let files: any FileSystem

    /// Reads `journal.meta`, or makes it in an empty folder.
    func openMeta(_ settings: JournalSettings, _ platform: Platform) throws(JournalError) -> JournalMeta {
        let metaPath = FilePath.join(path, JournalMeta.name)
        guard let meta = try readMeta() else {
            guard try segmentNames().isEmpty else {
                throw JournalError(
                    .metaBroken,
                    "\(metaPath) is missing beside segments. Restore it from a copy of the data folder."
                )
            }
            let meta = JournalMeta(
                partitions: settings.partitions,
                id: JournalID(platform.random.bytes(count: 16)),
                secret: platform.random.bytes(count: 16),
                made: platform.clock.now()
            )
            do throws(FileError) {
                try files.replace(metaPath, with: meta.encoded())
            } catch {
                throw JournalError(.writeFailed, "\(metaPath) could not be made", cause: error)
            }
            return meta
        }
        guard meta.partitions == settings.partitions else {
            throw JournalError(
                .settingsDiffer,
                "the journal in \(path) was made with \(meta.partitions) partitions and cannot be "
                    + "opened with \(settings.partitions): set journal.partitions to \(meta.partitions)"
            )
        }
        return meta
    }

    /// Nil if there is none.
    func readMeta() throws(JournalError) -> JournalMeta? {
        let metaPath = FilePath.join(path, JournalMeta.name)
        let bytes: [UInt8]
        do throws(FileError) {
            guard try files.size(of: metaPath) != nil else { return nil }
            bytes = try files.read(metaPath)
        } catch {
            throw JournalError.readFailed(error)
        }
        return try JournalMeta.decode(bytes, path: metaPath)
    }

    func dataNames() throws(JournalError) -> Names {
        Names(segments: try segmentNames(), kept: try segmentNames(ending: SegmentName.identitiesEnding))
    }

    /// All segments by partition and number.
    func segmentNames(ending: String = SegmentName.ending) throws(JournalError) -> [SegmentName] {
        try names().compactMap { SegmentName($0, ending: ending) }.sorted {
            ($0.partition, $0.number) < ($1.partition, $1.number)
        }
    }

    /// Removes what an earlier process left half-made.
    ///
    /// None of it was ever read or answered for.
    func removeLeftovers() throws(JournalError) {
        for name in try names() where SegmentName.leftoverEndings.contains(where: { name.hasSuffix($0) }) {
            do throws(FileError) {
                try files.remove(FilePath.join(path, name))
            } catch {
                throw JournalError.readFailed(error)
            }
        }
    }

    private func names() throws(JournalError) -> [String] {
        do throws(FileError) {
            return try files.list(path)
        } catch {
            throw JournalError.readFailed(error)
        }
    }
}
