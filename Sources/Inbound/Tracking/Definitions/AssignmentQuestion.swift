package import Avro

/// Whose variation is asked for, and of what.
package struct AssignmentQuestion: Sendable, Hashable {
    package let owner: MessageOwner
    package let users: [String]

    /// Reads the body of `POST /v1/track/assign`.
    package init(reading json: JSONValue) throws(DefinitionError) {
        let known = ["campaign_id", "canvas_id", "users"]
        let reader = try MemberReader(json, at: "", of: "a question for variations", known: known)
        let idBytesMax = DefinitionLimits.idBytesMax
        let campaign = try reader.optionalText("campaign_id", bytesMax: idBytesMax)
        let canvas = try reader.optionalText("canvas_id", bytesMax: idBytesMax)
        switch (campaign, canvas) {
        case (let id?, nil): owner = .campaign(id)
        case (nil, let id?): owner = .canvas(id)
        case (nil, nil): throw reader.missing("campaign_id", "the id of a campaign, or canvas_id that of a canvas")
        default: throw DefinitionError(.wrongValue, at: "canvas_id", "must be left out beside campaign_id")
        }
        guard reader.value("users") != nil else { throw reader.missing("users", "an array of user ids") }
        users = try reader.items("users", countMax: TrackReport.itemsMax) { (json, path) throws(DefinitionError) in
            try MemberReader.text(json, at: path, bytesMax: 1_000)
        }
    }
}
