extension Tracker {
    /// Whether the directory has an entry of the user, as the last turn left it.
    package func knows(userID: String) async throws(TrackingError) -> Bool {
        let head = ids.head("user", userID)
        return try await store.read { (view) throws(TrackingError) in try view.value(.users, head) != nil }
    }
}
