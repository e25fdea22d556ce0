-- The audit entries of one subject, in their order: `GET /apartments/{id}/history`.
-- compatible-since: 0095

CREATE INDEX audit_log_by_subject ON audit_log (company_id, subject_type, subject_id, id);
